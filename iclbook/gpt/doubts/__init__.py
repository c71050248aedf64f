"""The experiments of Part V: does it hold?"""
