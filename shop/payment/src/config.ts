import { type Environment, readEnvironment, secret } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

const PROVIDER_SETTINGS = { ...DATABASE_SETTINGS, PROVIDER_API_KEY: secret({ minLength: 16 }) };

/** What the payment service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, { ...PROVIDER_SETTINGS, ...BUS_SETTINGS });
}

/** The same for the test provider, which hears and says nothing on the bus. */
export function readProviderConfig(env: Environment) {
  return readEnvironment(env, PROVIDER_SETTINGS);
}
