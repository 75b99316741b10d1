export { defineSystem, type ServiceConfig, type SystemConfig, type Welcome } from './config.ts';
