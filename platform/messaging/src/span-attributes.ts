/** Of all spans of messages: where they go through is a matter of configuration, not of who sends them. */
export const MESSAGING = { 'messaging.system': 'flotilla' } as const;
