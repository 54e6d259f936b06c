-- What happened, and whether it worked. Events outlive what they speak of.
CREATE TABLE event_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type text        NOT NULL,
    status     text        NOT NULL CHECK (status IN ('success', 'failure')),
    user_name  text,
    project_id uuid        REFERENCES projects (id) ON DELETE SET NULL,
    session_id uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    detail     jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_log_created_at ON event_log (created_at);
CREATE INDEX event_log_project ON event_log (project_id);
CREATE INDEX event_log_session ON event_log (session_id);
