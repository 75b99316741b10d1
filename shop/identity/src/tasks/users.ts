import { runOperatorTask } from '../operators/operator-task.ts';
import { USERS } from '../operators/users.ts';

await runOperatorTask('users', USERS);
