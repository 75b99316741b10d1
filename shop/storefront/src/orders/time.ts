const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** `1 Dec 2026, 10:15`, where the reader is. */
export function formatTime(iso: string): string {
  return DATE.format(new Date(iso));
}

/** `10:15:02` */
export function formatClock(iso: string): string {
  return CLOCK.format(new Date(iso));
}
