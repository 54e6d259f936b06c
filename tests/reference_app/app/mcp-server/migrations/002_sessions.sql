-- A session outlives its project (it is history), so the reference is emptied.
CREATE TABLE sessions (
    id                  uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id          uuid        REFERENCES projects (id) ON DELETE SET NULL,
    user_name           text        NOT NULL DEFAULT 'anonymous',
    agent_type          text        NOT NULL DEFAULT 'mcp',
    title               text,
    status              text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'ended', 'expired')),
    resolved_by         text        NOT NULL DEFAULT 'named'
                        CHECK (resolved_by IN ('named', 'last_used', 'user_primary', 'system_default')),
    tool_calls          integer     NOT NULL DEFAULT 0 CHECK (tool_calls >= 0),
    metadata            jsonb       NOT NULL DEFAULT '{}',
    started_at          timestamptz NOT NULL DEFAULT now(),
    project_assigned_at timestamptz NOT NULL DEFAULT now(),
    last_activity_at    timestamptz NOT NULL DEFAULT now(),
    ended_at            timestamptz,
    end_reason          text,
    CONSTRAINT sessions_ended_at_matches_status CHECK ((status = 'active') = (ended_at IS NULL))
);

CREATE INDEX idx_sessions_project_id ON sessions (project_id);
CREATE INDEX idx_sessions_agent_type ON sessions (agent_type);
CREATE INDEX idx_sessions_started_at ON sessions (started_at);
