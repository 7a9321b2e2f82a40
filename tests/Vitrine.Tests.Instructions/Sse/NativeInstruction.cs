using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Sse;

/// <summary>
/// The host CPU as oracle: runs any user-mode instruction with all of a <see cref="MachineFrame"/>'s registers but RSP.
/// The instruction must not fault.
/// </summary>
// SAFETY: the page is mapped for the life of the object and holds a leaf function that follows the System V convention, puts
// the x87 and SSE state back, and touches only the frame it is given and what the instruction addresses.
internal sealed unsafe partial class NativeInstruction : IDisposable
{
    public const string Missing = "the oracle is the host CPU, and this one is not an x86-64 under Linux";

    private const nuint PageSize = 4096;
    private const int SlotSize = 16;
    private readonly byte* _page;
    private readonly int _slot;

    public NativeInstruction()
    {
        _page = (byte*)Map(null, PageSize, 7, 0x22, -1, 0);
        if (_page == (void*)-1) throw new InvalidOperationException("mmap of an executable page failed");
        Assembler before = new(64);
        AssemblerRegister64[] general = [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];
        AssemblerRegister64[] saved = [rbx, rbp, r12, r13, r14, r15, rdi];
        foreach (AssemblerRegister64 register in saved) before.push(register);
        before.fxsave64(__[rdi + MachineFrame.HostFx]);
        before.fxrstor64(__[rdi + MachineFrame.Fx]);
        before.push(__qword_ptr[rdi + MachineFrame.Rflags]);
        before.popfq();
        for (int i = 0; i < 16; i++)
        {
            if (i is not (4 or 7)) before.mov(general[i], __qword_ptr[rdi + MachineFrame.Gpr + (8 * i)]);
        }

        before.mov(rdi, __qword_ptr[rdi + MachineFrame.Gpr + (8 * 7)]);
        _slot = Write(before, 0);

        Assembler after = new(64);
        after.push(rdi);
        after.mov(rdi, __qword_ptr[rsp + 8]);
        for (int i = 0; i < 16; i++)
        {
            if (i is not (4 or 7)) after.mov(__qword_ptr[rdi + MachineFrame.Gpr + (8 * i)], general[i]);
        }

        after.pop(rax);
        after.mov(__qword_ptr[rdi + MachineFrame.Gpr + (8 * 7)], rax);
        after.pushfq();
        after.pop(rax);
        after.mov(__qword_ptr[rdi + MachineFrame.Rflags], rax);
        after.fxsave64(__[rdi + MachineFrame.Fx]);
        after.fxrstor64(__[rdi + MachineFrame.HostFx]);
        foreach (AssemblerRegister64 register in saved.Reverse()) after.pop(register);
        after.ret();
        Write(after, _slot + SlotSize);
    }

    public static bool IsAvailable =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Sets the instruction.</summary>
    public void Set(ReadOnlySpan<byte> instruction)
    {
        Span<byte> slot = new(_page + _slot, SlotSize);
        slot.Fill(0x90);
        instruction.CopyTo(slot);
    }

    public void Run(MachineFrame frame) => ((delegate* unmanaged<byte*, void>)_page)(frame.Pointer);

    public void Dispose() => Unmap(_page, PageSize);

    private int Write(Assembler assembler, int offset)
    {
        using MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), (ulong)(_page + offset));
        code.ToArray().CopyTo(new Span<byte>(_page + offset, (int)code.Length));
        return offset + (int)code.Length;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
