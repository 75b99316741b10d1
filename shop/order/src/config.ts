import { choice, type Environment, integer, readEnvironment } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

export type OrderFlow = 'orchestration' | 'choreography';

const SETTINGS = {
  ...DATABASE_SETTINGS,
  ...BUS_SETTINGS,
  // How new orders run: led by a saga, or by events alone.
  ORDER_FLOW: choice(['orchestration', 'choreography'], { default: 'orchestration' }),
  // An order that is not shipped by then is cancelled and everything given back.
  ORDER_DEADLINE_SECONDS: integer({ default: 600, min: 1 }),
  // How long a used idempotency key is remembered.
  IDEMPOTENCY_KEY_DAYS: integer({ default: 30, min: 1 }),
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
