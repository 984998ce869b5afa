"""The daemon: APScheduler ticks, one for each stage; due times live in the outbox, never in the scheduler.

On SQLite one daemon works on a store, and a second one is told who does and does not start. On a server there may be
any number: all of them send, and one leads, which means that it does what must be done once; when it is gone, another
one leads as soon as its lease has ended.
"""
