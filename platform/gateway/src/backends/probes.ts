import type { Logger } from '@flotilla/telemetry';
import type { HealthConfig } from '../policies/health-check/config.ts';
import type { Timer, Timers } from '../time/timers.ts';
import type { BackendCall, BackendClient, Origin } from '../wire/backend/backend-call.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { noFields, setField } from '../wire/rules/fields.ts';

type ActiveHealth = NonNullable<HealthConfig['active']>;

/** Asks one instance again and again how it is. */
export interface Probe {
  readonly isHealthy: boolean;
}

export interface Probes {
  /** Equal questions to the same instance are asked once, however many routes want to know. */
  use(origin: Origin, authority: string, health: ActiveHealth): Probe;
  /** Each `use` is given back once; the last one ends the questions. */
  release(probe: Probe): void;
  close(): void;
}

interface ProbesDeps {
  readonly backendClient: BackendClient;
  readonly timers: Timers;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onChange: () => void;
}

/** So many equal results in a row that are against the present state. */
interface Health {
  readonly isHealthy: boolean;
  readonly against: number;
}

export function nextHealth({ isHealthy, against }: Health, isGood: boolean, limits: ActiveHealth): Health {
  if (isGood === isHealthy) return { isHealthy, against: 0 };
  const limit = isHealthy ? limits.unhealthyAfter : limits.healthyAfter;
  return against + 1 >= limit ? { isHealthy: isGood, against: 0 } : { isHealthy, against: against + 1 };
}

interface State extends Probe {
  readonly key: string;
  health: Health;
  users: number;
  timer: Timer | undefined;
  call: BackendCall | undefined;
}

/** The interval varies by a tenth, so that many gateways do not ask in step. */
const JITTER = 0.1;

export function createProbes(deps: ProbesDeps): Probes {
  const { timers, random, logger, onChange } = deps;
  const states = new Map<string, State>();

  function stop(state: State): void {
    state.users = 0;
    state.timer?.cancel();
    state.call?.abort();
    states.delete(state.key);
  }

  function start(state: State, question: Question): void {
    const { health } = question;
    const repeat = (delayMs: number): void => {
      state.timer = timers.after(delayMs, () => {
        state.call = ask(question, deps, (isGood) => {
          state.call = undefined;
          if (state.users === 0) return;
          const before = state.health;
          state.health = nextHealth(before, isGood, health);
          if (state.health.isHealthy !== before.isHealthy) {
            const facts = { instance: question.authority, path: health.path };
            if (isGood) logger.info(facts, 'the instance is healthy again');
            else logger.warn(facts, 'the instance is not healthy');
            onChange();
          }
          repeat(health.intervalMs * (1 + JITTER * (2 * random() - 1)));
        });
      });
    };
    repeat(health.intervalMs * random());
  }

  return {
    use: (origin, authority, health) => {
      const key = JSON.stringify([origin.key, health]);
      const known = states.get(key);
      if (known !== undefined) {
        known.users += 1;
        return known;
      }
      const state: State = {
        key,
        users: 1,
        health: { isHealthy: true, against: 0 },
        timer: undefined,
        call: undefined,
        get isHealthy() {
          return this.health.isHealthy;
        },
      };
      states.set(key, state);
      start(state, { origin, authority, health });
      return state;
    },
    release: (probe) => {
      const state = [...states.values()].find((one) => one === probe);
      if (state === undefined) return;
      state.users -= 1;
      if (state.users === 0) stop(state);
    },
    close: () => {
      for (const state of states.values()) stop(state);
    },
  };
}

interface Question {
  readonly origin: Origin;
  readonly authority: string;
  readonly health: ActiveHealth;
}

/** Good is a status from 200 to 399 in time. `settle` is called once, and not when the call is aborted from outside. */
function ask(
  { origin, authority, health }: Question,
  { backendClient, timers }: ProbesDeps,
  settle: (isGood: boolean) => void,
): BackendCall {
  let isOpen = true;
  const finish = (isGood: boolean): void => {
    if (!isOpen) return;
    isOpen = false;
    deadline.cancel();
    settle(isGood);
  };
  const fields = noFields();
  setField(fields, fieldName('User-Agent'), 'flotilla-gateway-health');
  let isGood = false;
  const deadline = timers.after(health.timeoutMs, () => {
    call.abort();
    finish(isGood); // an endless body is no reason to call an instance ill
  });
  const call = backendClient.send(
    origin,
    {
      method: 'GET',
      target: health.path,
      authority,
      fields,
      body: undefined,
      maxBodyBytes: 0,
      silenceMs: health.timeoutMs,
      upgrade: false,
      requestId: undefined,
    },
    {
      head: ({ status }) => {
        isGood = status >= 200 && status < 400;
      },
      data: () => undefined,
      end: () => finish(isGood),
      error: () => finish(false),
      switched: (_head, socket) => {
        socket.destroy();
        finish(false);
      },
    },
  );
  return {
    pause: call.pause,
    resume: call.resume,
    abort: () => {
      isOpen = false;
      deadline.cancel();
      call.abort();
    },
  };
}
