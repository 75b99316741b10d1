import { fileURLToPath } from 'node:url';
import { uuidv7 } from '@flotilla/kernel';
import {
  choice,
  DISCOVERY_SETTINGS,
  type Environment,
  optional,
  port,
  readEnvironment,
  secret,
  text,
  url,
} from '@flotilla/process';

/** Throws `ConfigurationError` with everything that is wrong. */
export function readConfig(env: Environment) {
  return readEnvironment(env, {
    INSTANCE_ID: text({ default: uuidv7() }),
    HOST: text({ default: '127.0.0.1' }),
    PORT: port({ default: 8080 }),
    ADMIN_PORT: port({ default: 0 }),
    OPERATOR_TOKEN: optional(secret()),
    ...DISCOVERY_SETTINGS,
    REGISTRY_URL: needsRegistry(env) ? url() : optional(url()),
    ISSUER: url(),
    BUS_URL: optional(secret()),
    RABBITMQ_URL: optional(secret()),
    AUDIENCE: text({ default: 'flotilla' }),
    GATEWAY_CONFIG: text({ default: fileURLToPath(new URL('../gateway.json', import.meta.url)) }),
    LOG_LEVEL: choice(['debug', 'info', 'warn', 'error'], { default: 'info' }),
  });
}

/** A gateway that finds nobody is none. */
function needsRegistry({ DISCOVERY: source }: Environment): boolean {
  return source !== 'kubernetes' && source !== 'dns';
}
