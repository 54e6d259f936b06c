CREATE TABLE desk.threads (
  thread_id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES desk.workspaces,
  topic text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now()
);
