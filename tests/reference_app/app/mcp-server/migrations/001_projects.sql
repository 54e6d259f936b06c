-- Extensions are made by a superuser before the first migration (vector is not
-- a trusted extension); here they are only looked for, and all missing ones named.
DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(format('"%s"', wanted), ', ' ORDER BY wanted) INTO missing
    FROM unnest(ARRAY['uuid-ossp', 'vector', 'pg_trgm']) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = wanted);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'missing extensions in database %: %', current_database(), missing
            USING HINT = 'a superuser must run CREATE EXTENSION for each of them in this database';
    END IF;
END
$$;

-- No unique constraint on name: two users may each have a project "website".
CREATE TABLE projects (
    id          uuid        PRIMARY KEY DEFAULT uuid_generate_v4(),
    name        text        NOT NULL CHECK (length(btrim(name)) BETWEEN 1 AND 200),
    description text,
    status      text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    owner       text,
    is_primary  boolean     NOT NULL DEFAULT false,
    metadata    jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT projects_primary_has_owner CHECK (owner IS NOT NULL OR NOT is_primary)
);

CREATE INDEX idx_projects_name ON projects (name);
CREATE INDEX idx_projects_status ON projects (status);
CREATE INDEX idx_projects_created_at ON projects (created_at);
-- A user has at most one primary project.
CREATE UNIQUE INDEX projects_one_primary_per_owner ON projects (owner) WHERE is_primary;
