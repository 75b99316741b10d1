import type { Logger } from '@flotilla/telemetry';

/** A change made by an operator while the gateway runs. */
export interface Change {
  readonly actor: string;
  /** `strangler of orders` */
  readonly what: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** One line for each change, whoever made it. */
export function audit(logger: Logger, { actor, what, from, to }: Change): void {
  logger.info({ audit: true, actor, what, from, to }, 'an operator changed the gateway');
}
