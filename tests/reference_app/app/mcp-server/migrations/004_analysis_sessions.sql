-- Runs of the analyses. They belong to what they looked at and go with it.
CREATE TABLE pattern_discovery_sessions (
    id                uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id        uuid        NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    session_id        uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    status            text        NOT NULL DEFAULT 'completed' CHECK (status IN ('running', 'completed', 'failed')),
    contexts_examined integer     NOT NULL DEFAULT 0,
    patterns          jsonb       NOT NULL DEFAULT '[]',
    started_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz
);
CREATE INDEX pattern_discovery_sessions_project ON pattern_discovery_sessions (project_id, started_at);

CREATE TABLE metrics_collection_sessions (
    id           uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id   uuid        REFERENCES projects (id) ON DELETE CASCADE,
    session_id   uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    status       text        NOT NULL DEFAULT 'completed' CHECK (status IN ('running', 'completed', 'failed')),
    metrics      jsonb       NOT NULL DEFAULT '{}',
    started_at   timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE INDEX metrics_collection_sessions_started_at ON metrics_collection_sessions (started_at);

CREATE TABLE code_analysis_sessions (
    id            uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id    uuid        NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    session_id    uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    context_id    uuid        REFERENCES contexts (id) ON DELETE CASCADE,
    status        text        NOT NULL DEFAULT 'completed' CHECK (status IN ('running', 'completed', 'failed')),
    lines_total   integer     NOT NULL DEFAULT 0,
    lines_code    integer     NOT NULL DEFAULT 0,
    lines_comment integer     NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT now(),
    completed_at  timestamptz
);
CREATE INDEX code_analysis_sessions_project ON code_analysis_sessions (project_id, started_at);

CREATE TABLE complexity_analysis_sessions (
    id                uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    project_id        uuid        NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    session_id        uuid        REFERENCES sessions (id) ON DELETE SET NULL,
    context_id        uuid        REFERENCES contexts (id) ON DELETE CASCADE,
    status            text        NOT NULL DEFAULT 'completed' CHECK (status IN ('running', 'completed', 'failed')),
    decision_points   integer     NOT NULL DEFAULT 0,
    deepest_nesting   integer     NOT NULL DEFAULT 0,
    started_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz
);
CREATE INDEX complexity_analysis_sessions_project ON complexity_analysis_sessions (project_id, started_at);
