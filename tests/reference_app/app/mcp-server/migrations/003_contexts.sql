-- embedding has the dimension of src/embedding.ts. Searches are exact scans of
-- one project's rows, found by idx_contexts_project_id.
CREATE TABLE contexts (
    id           uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id   uuid        NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    session_id   uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    context_type text        NOT NULL DEFAULT 'note',
    content      text        NOT NULL CHECK (content <> ''),
    tags         text[]      NOT NULL DEFAULT '{}',
    metadata     jsonb       NOT NULL DEFAULT '{}',
    embedding    vector(384) NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_contexts_project_id ON contexts (project_id);
CREATE INDEX idx_contexts_session_id ON contexts (session_id);
CREATE INDEX idx_contexts_type ON contexts (context_type);
