export { sagaCrashPoints } from './crash-points.ts';
export {
  type CallName,
  type Expectation,
  type Replied,
  replied,
  runScenario,
  type Scenario,
  type ScriptedOutcome,
} from './scenario.ts';
