"""Bank files in and out: bulk payment tables, ISO 20022 pain.001 and camt.053, SWIFT MT940. One module a format.

Every reader gives `rows.BankRow`s one after another, so that memory stays flat whatever the size of the file.
"""
