"""The bus on RabbitMQ, for more than one machine."""

from shared.bus.rabbitmq.bus import RabbitBus

__all__ = ["RabbitBus"]
