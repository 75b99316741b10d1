export { type DecideSpec, decideSpec } from './decide-spec.ts';
