export { eventStoreCrashPoints } from './crash-points.ts';
export { type DecideSpec, decideSpec } from './decide-spec.ts';
