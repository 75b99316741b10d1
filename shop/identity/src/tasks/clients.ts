import { CLIENTS } from '../operators/clients.ts';
import { runOperatorTask } from '../operators/operator-task.ts';

await runOperatorTask('clients', CLIENTS);
