-- The two questions session_new asks: which project did this user use last, and
-- which of the user's sessions are active (and which of them idle longest).
CREATE INDEX sessions_last_used ON sessions (user_name, project_assigned_at DESC);
CREATE INDEX sessions_active ON sessions (user_name, last_activity_at) WHERE status = 'active';

CREATE FUNCTION touch_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER projects_touch_updated_at
    BEFORE UPDATE ON projects
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
