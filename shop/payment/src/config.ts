import { type Environment, readEnvironment, secret } from '@flotilla/http';

/** What the payment service, and the test provider, need besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, { DATABASE_URL: secret(), PROVIDER_API_KEY: secret({ minLength: 16 }) });
}
