import { describeKilledProcesses } from '../killed-processes.contract.ts';
import { useRabbitmqTestSystem } from './test-system.ts';
import { skipWithoutRabbitmq } from './testing.ts';

describeKilledProcesses('RabbitMQ', useRabbitmqTestSystem, { skip: skipWithoutRabbitmq() });
