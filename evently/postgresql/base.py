"""The database engine of the settings. Django looks for `base.DatabaseWrapper` in it."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the kept connection still works, asked once a request.

        A server that has closed it has sent its end of the stream: the socket is readable, and only then a query asks. A
        quiet socket saves that round trip, which was a seventh of a hold.
        """
        if self.connection is None or self.connection.closed:  # by the driver, when it broke during a query
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poll.poll(0) or super().is_usable()
