CREATE SCHEMA desk;

-- No description, and no default for the state: whoever makes a workspace says what it is.
CREATE TABLE desk.workspaces (
  workspace_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  label public.citext NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('open', 'closed')),
  made_at timestamptz NOT NULL DEFAULT now()
);
