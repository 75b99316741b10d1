import { skipWithoutRabbitmq } from '../../src/testing/rabbitmq.ts';
import { describeKilledProcesses } from '../killed-processes.contract.ts';
import { useRabbitmqTestSystem } from './system.ts';

describeKilledProcesses('RabbitMQ', useRabbitmqTestSystem, { skip: skipWithoutRabbitmq() });
