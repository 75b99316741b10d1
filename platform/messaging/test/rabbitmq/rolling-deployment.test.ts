import { describe } from 'node:test';
import { skipWithoutRabbitmq } from '../../src/testing/rabbitmq.ts';
import { testRollingDeployment } from '../rolling-deployment.contract.ts';
import { useRabbitmqTestSystem } from './system.ts';

describe('a rolling deployment on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  testRollingDeployment(useRabbitmqTestSystem());
});
