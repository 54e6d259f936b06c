-- Contexts can be weighted; the default leaves what version 1.0 writes valid.
ALTER TABLE contexts
    ADD COLUMN importance smallint NOT NULL DEFAULT 3 CHECK (importance BETWEEN 1 AND 5);

CREATE INDEX idx_contexts_importance ON contexts (project_id, importance DESC);
