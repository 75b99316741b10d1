import { type Environment, integer, readEnvironment, secret } from '@flotilla/http';

export interface OrderConfig {
  readonly databaseUrl: string;
  readonly busUrl: string;
  /** An order that is not shipped by then is cancelled and everything given back. */
  readonly orderDeadlineMs: number;
  /** How long a used idempotency key is remembered. */
  readonly idempotencyKeyDays: number;
}

export function readConfig(env: Environment): OrderConfig {
  const values = readEnvironment(env, {
    DATABASE_URL: secret(),
    BUS_URL: secret(),
    ORDER_DEADLINE_SECONDS: integer({ default: 600, min: 1 }),
    IDEMPOTENCY_KEY_DAYS: integer({ default: 30, min: 1 }),
  });
  return {
    databaseUrl: values.DATABASE_URL,
    busUrl: values.BUS_URL,
    orderDeadlineMs: values.ORDER_DEADLINE_SECONDS * 1_000,
    idempotencyKeyDays: values.IDEMPOTENCY_KEY_DAYS,
  };
}
