import { type Environment, optional, readEnvironment, secret } from '@flotilla/process';

const PROVIDER_SETTINGS = { DATABASE_URL: secret(), PROVIDER_API_KEY: secret({ minLength: 16 }) };

/** What the payment service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, { ...PROVIDER_SETTINGS, BUS_URL: secret(), RABBITMQ_URL: optional(secret()) });
}

/** The same for the test provider, which hears and says nothing on the bus. */
export function readProviderConfig(env: Environment) {
  return readEnvironment(env, PROVIDER_SETTINGS);
}
