import { type Fault, formatFault } from '@flotilla/resilience';
import { type Command, flag, type Invocation, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { textOf } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';

const EDGE = { kind: textOf('from→to') };
const OPTIONS = { ...JSON_OPTION, ...DATA_DIR_OPTION };

export const fault: Command = {
  name: 'fault',
  summary: 'makes calls between services go wrong, in a system with demo data',
  commands: [
    {
      name: 'add',
      summary: 'latency=500ms[:30%] error=20% outcome=503:10% kill=1% seed=7; instead of what the edge had',
      arguments: [EDGE, { kind: textOf('what=how'), isRepeated: true }],
      options: OPTIONS,
      example: 'fault add order→payment latency=500ms error=20%',
      run: async (invocation) => {
        const [edge = '', ...parts] = invocation.positionals;
        return show(await connectControl(placeOf(invocation)).addFault(edge, parts), invocation);
      },
    },
    {
      name: 'list',
      summary: 'what is injected',
      options: OPTIONS,
      example: 'fault list',
      run: async (invocation) => show(await connectControl(placeOf(invocation)).faults(), invocation),
    },
    {
      name: 'clear',
      summary: 'ends the faults of an edge, or all',
      arguments: [{ ...EDGE, isOptional: true }],
      options: OPTIONS,
      example: 'fault clear',
      run: async (invocation) => {
        const [edge = ''] = invocation.positionals;
        return show(await connectControl(placeOf(invocation)).clearFaults(edge), invocation);
      },
    },
  ],
};

function show(faults: readonly Fault[], { values }: Invocation): number {
  const lines = faults.length === 0 ? 'no faults are injected' : faults.map(formatFault).join('\n');
  console.log(flag(values, 'json') ? JSON.stringify(faults, null, 2) : lines);
  return 0;
}
