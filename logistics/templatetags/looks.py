from django import template

from logistics.charity import look
from logistics.charity.look import Look

register = template.Library()


@register.simple_tag
def charity_look(status: object = None) -> Look:
    """The charity's name, colours and logo; on a page about a fault of ours, without asking the database."""
    return look.remembered() if isinstance(status, int) and status >= 500 else look.current()
