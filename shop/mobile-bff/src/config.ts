import { type Environment, readEnvironment } from '@flotilla/process';

export function readConfig(env: Environment) {
  return readEnvironment(env, {});
}
