"""Distinct types for every kind of identifier, so that mypy refuses a chat id where a person is meant."""

from typing import NewType

EventId = NewType("EventId", str)
OpenId = NewType("OpenId", str)
UserId = NewType("UserId", str)
ChatId = NewType("ChatId", str)
MessageId = NewType("MessageId", str)
AppToken = NewType("AppToken", str)
TableId = NewType("TableId", str)
FieldId = NewType("FieldId", str)
RecordId = NewType("RecordId", str)
ViewId = NewType("ViewId", str)
WorkId = NewType("WorkId", str)
AlertId = NewType("AlertId", str)
RuleId = NewType("RuleId", str)
TaskId = NewType("TaskId", str)
InstanceCode = NewType("InstanceCode", str)
FileToken = NewType("FileToken", str)
SpaceId = NewType("SpaceId", str)
NodeToken = NewType("NodeToken", str)
DocumentId = NewType("DocumentId", str)
BlockId = NewType("BlockId", str)
