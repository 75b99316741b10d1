import { PlatformError } from '@flotilla/kernel';

export type DiscoveryErrorCode =
  | 'DISCOVERY_NO_ENDPOINT'
  | 'DISCOVERY_UNAVAILABLE'
  | 'DISCOVERY_REGISTRATION_FAILED';

export function noEndpoint(service: string): PlatformError<DiscoveryErrorCode> {
  return new PlatformError('DISCOVERY_NO_ENDPOINT', `no instance of ${service} is available`, {
    retryable: true,
    details: { service },
  });
}

export function registryUnavailable(service: string, cause: unknown): PlatformError<DiscoveryErrorCode> {
  return new PlatformError('DISCOVERY_UNAVAILABLE', `the registry gave no answer about ${service}`, {
    retryable: true,
    details: { service },
    cause,
  });
}

export function registrationFailed(
  id: string,
  cause: unknown,
  retryable: boolean,
): PlatformError<DiscoveryErrorCode> {
  return new PlatformError('DISCOVERY_REGISTRATION_FAILED', `${id} could not be registered`, {
    retryable,
    details: { id },
    cause,
  });
}
