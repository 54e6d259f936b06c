-- After 1.9.0, which makes what it refers to.
CREATE TABLE desk.notes (
  note_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  thread_id uuid NOT NULL REFERENCES desk.threads ON DELETE CASCADE,
  body text NOT NULL
);

CREATE INDEX notes_thread_id ON desk.notes (thread_id);
