/** Every place between two durable effects of messaging, in the order in which one message passes them. */
export const messagingCrashPoints = [
  'relay.before-publish',
  'relay.after-publish',
  'relay.after-delete',
  'consumer.before-handler',
  'consumer.before-commit',
  'consumer.after-commit',
  'consumer.after-ack',
] as const;
