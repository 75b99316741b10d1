import {
  choice,
  type Environment,
  integer,
  optional,
  port,
  readEnvironment,
  secret,
  text,
} from '@flotilla/process';
import { type Caps, DEFAULT_CAPS } from './store/prune.ts';

const MEBIBYTE = 1_048_576;

const SETTINGS = {
  INSTANCE_ID: text({ default: 'telemetry-1' }),
  HOST: text({ default: '127.0.0.1' }),
  PORT: port({ default: 4318 }),
  LOG_LEVEL: choice(['debug', 'info', 'warn', 'error'], { default: 'info' }),
  TELEMETRY_FILE: text(),
  TELEMETRY_TOKEN: optional(secret({ minLength: 16 })),
  TELEMETRY_MAX_MB: integer({ default: DEFAULT_CAPS.bytes / MEBIBYTE, min: 16, max: 1_048_576 }),
  TELEMETRY_MAX_SPANS: integer({ default: DEFAULT_CAPS.spans, min: 1_000, max: 1_000_000_000 }),
  TELEMETRY_MAX_LOGS: integer({ default: DEFAULT_CAPS.logs, min: 1_000, max: 1_000_000_000 }),
  TELEMETRY_MAX_POINTS: integer({ default: DEFAULT_CAPS.points, min: 1_000, max: 1_000_000_000 }),
  TELEMETRY_SLOW_MS: integer({ default: 1_000, min: 1, max: 3_600_000 }),
  TELEMETRY_MAX_BODY_MB: integer({ default: 20, min: 1, max: 100 }),
};

/** Throws `ConfigurationError`. */
export function readConfig(env: Environment) {
  const values = readEnvironment(env, SETTINGS);
  const caps: Caps = {
    bytes: values.TELEMETRY_MAX_MB * MEBIBYTE,
    spans: values.TELEMETRY_MAX_SPANS,
    logs: values.TELEMETRY_MAX_LOGS,
    points: values.TELEMETRY_MAX_POINTS,
    pinnedRatio: DEFAULT_CAPS.pinnedRatio,
  };
  return {
    instanceId: values.INSTANCE_ID,
    host: values.HOST,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    file: values.TELEMETRY_FILE,
    token: values.TELEMETRY_TOKEN,
    slowMs: values.TELEMETRY_SLOW_MS,
    maxBytes: values.TELEMETRY_MAX_BODY_MB * MEBIBYTE,
    caps,
  };
}
