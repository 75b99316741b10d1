import { isPlatformError } from '@flotilla/kernel';
import { type Fault, formatFault, parseFault } from '@flotilla/resilience';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { cliError } from '../errors.ts';
import type { Unit } from '../processes/supervised-process.ts';

/** What is made to go wrong between the services of a running system. It ends with the system, and outlives its processes. */
export interface InjectedFaults {
  list(): readonly Fault[];
  /** Instead of what that edge had. Throws `CLI_USAGE` and `CLI_UNKNOWN_SERVICE`. */
  add(edge: string, parts: readonly string[]): readonly Fault[];
  /** Of one edge, or all. */
  clear(edge: string): readonly Fault[];
  /** Its process has just become ready: it is told what holds. */
  tell(unit: Unit): void;
}

interface InjectedFaultsOptions {
  /** A system with demo data: nobody else's orders are at stake. */
  readonly isAllowed: boolean;
  readonly services: readonly string[];
  readonly units: () => readonly Unit[];
}

export function createInjectedFaults({ isAllowed, services, units }: InjectedFaultsOptions): InjectedFaults {
  const byEdge = new Map<string, Fault>();

  function tell(unit: Unit): void {
    const faults = [...byEdge.values()].filter(({ from }) => from === unit.service).map(formatFault);
    unit.tell({ type: 'faults', faults });
  }

  function changed(from: string): readonly Fault[] {
    for (const unit of units()) if (from === '' || unit.service === from) tell(unit);
    return [...byEdge.values()];
  }

  return {
    list: () => [...byEdge.values()],
    add: (edge, parts) => {
      if (!isAllowed)
        throw cliError(
          'CLI_USAGE',
          'faults are injected into a system with demo data only: `flotilla up --demo`',
        );
      const fault = understand(edge, parts);
      for (const service of [fault.from, fault.to]) {
        if (!services.includes(service))
          throw cliError('CLI_UNKNOWN_SERVICE', thereIsNo('service', service, services));
      }
      byEdge.set(`${fault.from}→${fault.to}`, fault);
      return changed(fault.from);
    },
    clear: (edge) => {
      if (edge === '') {
        byEdge.clear();
        return changed('');
      }
      const key = edge.replace('->', '→');
      const fault = byEdge.get(key);
      if (fault === undefined) throw cliError('CLI_NOT_FOUND', `no fault is injected into ${key}`);
      byEdge.delete(key);
      return changed(fault.from);
    },
    // A process begins without any.
    tell: (unit) => {
      if (byEdge.size > 0) tell(unit);
    },
  };
}

function understand(edge: string, parts: readonly string[]): Fault {
  try {
    return parseFault(edge, parts);
  } catch (error) {
    throw isPlatformError(error) ? cliError('CLI_USAGE', error.message, error) : error;
  }
}
