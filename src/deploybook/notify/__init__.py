"""
Telling people: what happened, to whom it is told, and whether it arrived. Reports never wait for a message.

events    what there is to tell, out of the evidence log     inert    text of others that does nothing where it is shown
message   one message, as text, HTML and for chats           send     to a mail server, a webhook, or through Apprise
draft     what stakeholders are told                         feed     the changes of verdict as an Atom feed
"""

from __future__ import annotations

from .channel import Channel, channels_of, told_to
from .draft import draft, incidents
from .events import Event, attempts, events_of, key_of, untold
from .feed import feed
from .message import Message, Picture, compose
from .send import NotDelivered, address, deliver, form_of, written
