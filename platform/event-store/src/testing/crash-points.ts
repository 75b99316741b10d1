/** Every place between two durable effects of the event store, for `FLOTILLA_CRASH_POINT`. */
export const eventStoreCrashPoints = [
  'snapshot.before-write',
  'snapshot.after-write',
  'projection.before-mark-commit',
  'projection.after-mark-commit',
  'projection.before-commit',
  'projection.after-commit',
  'projection.before-failure-commit',
  'projection.after-failure-commit',
  'projection.before-command-commit',
  'projection.after-command-commit',
  'projection.before-switch-commit',
  'projection.after-switch-commit',
  'projection.before-drop',
  'projection.after-drop',
] as const;
