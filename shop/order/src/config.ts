import { choice, type Environment, integer, optional, readEnvironment, secret } from '@flotilla/process';

export type OrderFlow = 'orchestration' | 'choreography';

export interface OrderConfig {
  readonly databaseUrl: string;
  readonly busUrl: string;
  /** The bus is RabbitMQ instead. */
  readonly rabbitmqUrl: string | undefined;
  /** How new orders run: led by a saga, or by events alone. */
  readonly orderFlow: OrderFlow;
  /** An order that is not shipped by then is cancelled and everything given back. */
  readonly orderDeadlineMs: number;
  /** How long a used idempotency key is remembered. */
  readonly idempotencyKeyDays: number;
}

export function readConfig(env: Environment): OrderConfig {
  const values = readEnvironment(env, {
    DATABASE_URL: secret(),
    BUS_URL: secret(),
    RABBITMQ_URL: optional(secret()),
    ORDER_FLOW: choice(['orchestration', 'choreography'], { default: 'orchestration' }),
    ORDER_DEADLINE_SECONDS: integer({ default: 600, min: 1 }),
    IDEMPOTENCY_KEY_DAYS: integer({ default: 30, min: 1 }),
  });
  return {
    databaseUrl: values.DATABASE_URL,
    busUrl: values.BUS_URL,
    rabbitmqUrl: values.RABBITMQ_URL,
    orderFlow: values.ORDER_FLOW,
    orderDeadlineMs: values.ORDER_DEADLINE_SECONDS * 1_000,
    idempotencyKeyDays: values.IDEMPOTENCY_KEY_DAYS,
  };
}
