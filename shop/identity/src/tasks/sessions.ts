import { runOperatorTask } from '../operators/operator-task.ts';
import { SESSIONS } from '../operators/sessions.ts';

await runOperatorTask('sessions', SESSIONS);
