using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostSignals;
using Xunit;

namespace Vitrine.Tests.Software.HostSignals;

/// <summary>
/// The signal handler's machine code, called as the kernel calls it, with frames of the layout that asm/siginfo.h and asm/ucontext.h give.
/// </summary>
public sealed unsafe class HandlerCodeTests : IDisposable
{
    // SAFETY: frames are buffers of FrameBytes; ranges are numbers, which nothing executes.
    private const int SIGSEGV = 11;
    private const int SI_USER = 0;
    private const int SI_TKILL = -6;
    private const int SI_KERNEL = 0x80;
    private const int SEGV_MAPERR = 1;
    private const int FrameBytes = 1024;
    private const int Information = 0;
    private const int Context = 128;
    private const int Rip = Context + 40 + (16 * 8);
    private const int Flags = Rip + 8;
    private const ulong Start = 0x1000_0000;
    private const ulong End = 0x1000_1000;
    private const ulong Landing = 0x1000_0800;

    // Where the handler from before notes its arguments, from the frame's end.
    private const int Seen = 256;

    private readonly byte* _frame;
    private readonly SignalRecord* _record;
    private readonly nint* _previous;
    private readonly ExecutableMemory? _code;
    private readonly CodeRangeTable _table = new();
    private readonly delegate* unmanaged<int, byte*, byte*, void> _handler;

    public HandlerCodeTests()
    {
        Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "the host has no translator");
        _frame = (byte*)NativeMemory.AllocZeroed(FrameBytes);
        _record = (SignalRecord*)NativeMemory.AllocZeroed((nuint)sizeof(SignalRecord));
        _previous = (nint*)NativeMemory.AllocZeroed(65, 8);
        _code = ExecutableMemory.Create(2 * HandlerCode.MaximumBytes);
        CodeEmitter emitter = new(_code.Writable);
        HandlerCode.Write(ref emitter, _table, _previous, _frame + FrameBytes - 32);
        Assert.True(emitter.Position - _code.Writable <= HandlerCode.MaximumBytes);
        _handler = (delegate* unmanaged<int, byte*, byte*, void>)_code.Executable;

        // The handler from before notes its arguments.
        emitter = new CodeEmitter(_code.Writable + HandlerCode.MaximumBytes);
        emitter.Movabs(HostRegister.Rax, (ulong)_frame);
        emitter.Mov(new HostOperand(HostRegister.Rax, FrameBytes - Seen), HostRegister.Rdi);
        emitter.Mov(new HostOperand(HostRegister.Rax, FrameBytes - Seen + 8), HostRegister.Rsi);
        emitter.Mov(new HostOperand(HostRegister.Rax, FrameBytes - Seen + 16), HostRegister.Rdx);
        emitter.Ret();
        _previous[SIGSEGV] = (nint)(_code.Executable + HandlerCode.MaximumBytes);
    }

    [Theory]
    [InlineData(Start, SEGV_MAPERR, true)]
    [InlineData(Start, SI_KERNEL, true)]
    [InlineData(End - 1, SEGV_MAPERR, true)]
    [InlineData(Start - 1, SEGV_MAPERR, false)]
    [InlineData(End, SEGV_MAPERR, false)]
    [InlineData(0UL, SEGV_MAPERR, false)]
    [InlineData(ulong.MaxValue, SEGV_MAPERR, false)]
    [InlineData(Start, SI_USER, false)]
    [InlineData(Start, SI_TKILL, false)]
    public void SignalsThatCodeOfARangeHasRaisedLandAndOthersGoToTheHandlerFromBefore(ulong rip, int code, bool lands)
    {
        Add(Start, End);
        Raise(rip, code);
        Assert.Equal(lands ? Landing : rip, *(ulong*)(_frame + Rip));
        SignalRecord expected = lands ? new SignalRecord { HostRip = rip, Address = 0x1234, Number = HostSignal.SIGSEGV, Code = code } : default;
        Assert.Equal(expected, *_record);
        Assert.Equal(lands ? (0, 0, 0) : (SIGSEGV, (nint)(_frame + Information), (nint)(_frame + Context)), Calls());
    }

    [Fact]
    public void TrapDirectionAndAlignmentFlagsAreOffAtTheLandingAndNoOthers()
    {
        Add(Start, End);
        *(ulong*)(_frame + Flags) = 0x4_0F57;
        Raise(Start, SEGV_MAPERR);
        Assert.Equal(0x0_0A57UL, *(ulong*)(_frame + Flags));
    }

    [Fact]
    public void SecondSignalBeforeTheFirstIsReportedIsNotAnswered()
    {
        Add(Start, End);
        Raise(Start, SEGV_MAPERR);
        Raise(Start + 1, SEGV_MAPERR);
        Assert.Equal((SIGSEGV, (nint)(_frame + Information), (nint)(_frame + Context)), Calls());
        Assert.Equal(Start, _record->HostRip);
    }

    [Fact]
    public void EveryRangeOfManyChunksIsFoundUntilItIsRemoved()
    {
        const int Ranges = 200;
        List<nint> ranges = [];
        for (int i = 0; i < Ranges; i++) ranges.Add((nint)Add(Start + ((ulong)i * 0x1000), Start + ((ulong)i * 0x1000) + 0x800));
        for (int i = 0; i < Ranges; i++)
        {
            ulong rip = Start + ((ulong)i * 0x1000) + 0x7FF;
            *_record = default;
            Raise(rip, SEGV_MAPERR);
            Assert.Equal(rip, _record->HostRip);
            _table.Remove((CodeRange*)ranges[i]);
            *_record = default;
            Raise(rip, SEGV_MAPERR);
            Assert.Equal(HostSignal.None, _record->Number);
        }

        // Places are used again.
        Assert.Equal(ranges[0], (nint)Add(Start, End));
    }

    [Fact]
    public void WhatWasIgnoredBeforeStaysIgnoredWhereItIsSent()
    {
        _previous[SIGSEGV] = 1;
        Raise(Start, SI_USER);
        Assert.Equal(Start, *(ulong*)(_frame + Rip));
    }

    public void Dispose()
    {
        NativeMemory.Free(_frame);
        NativeMemory.Free(_record);
        NativeMemory.Free(_previous);
        _code?.Dispose();
    }

    private CodeRange* Add(ulong start, ulong end) =>
        _table.Add(new CodeRange { Start = (byte*)start, End = (byte*)end, Landing = (byte*)Landing, Record = _record });

    private void Raise(ulong rip, int code)
    {
        *(int*)(_frame + Information) = SIGSEGV;
        *(int*)(_frame + Information + 8) = code;
        *(ulong*)(_frame + Information + 16) = 0x1234;
        *(ulong*)(_frame + Rip) = rip;
        _handler(SIGSEGV, _frame + Information, _frame + Context);
    }

    private (int Signal, nint Information, nint Context) Calls()
    {
        nint* seen = (nint*)(_frame + FrameBytes - Seen);
        return ((int)seen[0], seen[1], seen[2]);
    }
}
