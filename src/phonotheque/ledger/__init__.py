"""What the archive holds and why: the transactional record."""

from phonotheque.ledger import agreement_tables as agreement_tables
from phonotheque.ledger import mirror_tables as mirror_tables
from phonotheque.ledger import scrubs as scrubs
from phonotheque.ledger import visitor_tables as visitor_tables
from phonotheque.ledger import withdrawal_tables as withdrawal_tables  # whoever asks for tables gets them all
