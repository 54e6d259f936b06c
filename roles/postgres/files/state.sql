-- What the running server has not taken over of its files, as one JSON object:
-- unread: a file is newer than the last reload; restart_for: settings that wait for a restart;
-- errors: lines that the server refuses; port: where it listens now.
SELECT json_build_object(
  'port', current_setting('port')::int,
  'unread', (
    SELECT coalesce(max((pg_stat_file(path)).modification) > pg_conf_load_time(), false)
    FROM (
      SELECT DISTINCT sourcefile AS path FROM pg_file_settings
      UNION SELECT current_setting('hba_file')
    ) AS files
  ),
  'restart_for', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart),
  'errors', (
    SELECT coalesce(json_agg(line), '[]') FROM (
      SELECT format('pg_hba.conf line %s: %s', line_number, error) AS line
      FROM pg_hba_file_rules WHERE error IS NOT NULL
      UNION ALL
      SELECT format('%s line %s: %s', sourcefile, sourceline, error)
      FROM pg_file_settings WHERE error IS NOT NULL AND error <> 'setting could not be applied'
    ) AS refused
  )
);
