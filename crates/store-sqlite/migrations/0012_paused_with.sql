-- Together with which others a schedule was paused: 'workflow', 'workspace', or NULL. Of those that
-- are paused already nobody knows; they count as paused by themselves, so that nothing starts that
-- somebody has stopped.
ALTER TABLE schedules ADD COLUMN paused_with TEXT;
