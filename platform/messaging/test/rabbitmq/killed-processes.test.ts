import { skipWithoutRabbitmq } from '../../src/rabbitmq/testing.ts';
import { describeKilledProcesses } from '../killed-processes.contract.ts';
import { useRabbitmqTestSystem } from './system.ts';

describeKilledProcesses('RabbitMQ', useRabbitmqTestSystem, { skip: skipWithoutRabbitmq() });
