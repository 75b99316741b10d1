import { PlatformError } from '@flotilla/kernel';

export type GatewayErrorCode = 'GATEWAY_CONFIG_INVALID' | 'GATEWAY_BODY_TOO_LARGE';

/** Everything that is wrong with a configuration, each problem with its place. */
export function configInvalid(problems: readonly string[]): PlatformError<GatewayErrorCode> {
  const message = `the gateway configuration is not valid:\n${problems.join('\n')}`;
  return new PlatformError('GATEWAY_CONFIG_INVALID', message, { details: { problems } });
}

/** A body passed its limit on the way; answered with 413, never seen outside of the gateway. */
export function bodyTooLarge(maxBytes: number): PlatformError<GatewayErrorCode> {
  return new PlatformError('GATEWAY_BODY_TOO_LARGE', 'the request body passed its limit', {
    details: { maxBytes },
  });
}
