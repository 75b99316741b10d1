export {
  type CallName,
  type Expectation,
  runScenario,
  type Scenario,
  type ScriptedOutcome,
} from './scenario.ts';
