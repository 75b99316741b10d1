import { PlatformError } from '@flotilla/kernel';

export type GatewayErrorCode = 'GATEWAY_CONFIG_INVALID';

/** Everything that is wrong with a configuration, each problem with its place. */
export function configInvalid(problems: readonly string[]): PlatformError<GatewayErrorCode> {
  const message = `the gateway configuration is not valid:\n${problems.join('\n')}`;
  return new PlatformError('GATEWAY_CONFIG_INVALID', message, { details: { problems } });
}
