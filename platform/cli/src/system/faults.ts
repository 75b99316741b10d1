/** What a test makes go wrong in the processes of a service, from one start to its next. */
export interface Faults {
  /** Where they kill themselves, one process after the other: `relay.after-publish,relay.before-publish:2`. */
  readonly crashPoints: string;
  /** Deliberate mistakes that each of them has, see `plantedBug` of the kernel. */
  readonly plantedBug: string;
}

export const NO_FAULTS: Faults = { crashPoints: '', plantedBug: '' };

/** What the process numbered `life` since the start is told; 0 is the first. */
export function faultEnvironment(
  { crashPoints, plantedBug }: Faults,
  life: number,
): Readonly<Record<string, string>> {
  const crashPoint = crashPoints.split(',')[life] ?? '';
  return {
    ...(crashPoint !== '' && { FLOTILLA_CRASH_POINT: crashPoint }),
    ...(plantedBug !== '' && { FLOTILLA_PLANTED_BUG: plantedBug }),
  };
}

/** The faults of each service when a system comes up: `[service=]faults`, without a service for every one. */
export function readFaults(env: Readonly<Record<string, string | undefined>>): (service: string) => Faults {
  const crashPoints = forService(env['FLOTILLA_CRASH_POINT']);
  const plantedBug = forService(env['FLOTILLA_PLANTED_BUG']);
  return (service) => ({ crashPoints: crashPoints(service), plantedBug: plantedBug(service) });
}

function forService(spec: string = ''): (service: string) => string {
  const [first = '', second] = spec.split('=');
  return second === undefined ? () => first : (service) => (service === first ? second : '');
}
