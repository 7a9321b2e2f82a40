using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Ways to write EDX to the four bytes at RCX + 1. Each may use RAX, RSI, RDI, R8, XMM0, XMM1, the x87 stack and the buffer, and keeps all else.
/// </summary>
internal static class CodeWriters
{
    /// <summary>Sixteen bytes of memory that are no code.</summary>
    public const int Buffer = 0xE000;

    private static readonly Dictionary<string, Action<Assembler>> _all = new()
    {
        ["mov"] = a => a.mov(__dword_ptr[rcx + 1], edx),
        ["four bytes"] = FourBytes,
        ["xchg"] = a =>
        {
            a.mov(eax, edx);
            a.xchg(__dword_ptr[rcx + 1], eax);
        },
        ["lock xadd"] = a =>
        {
            a.mov(eax, edx);
            a.sub(eax, __dword_ptr[rcx + 1]);
            a.@lock.xadd(__dword_ptr[rcx + 1], eax);
        },
        ["lock cmpxchg"] = a =>
        {
            a.mov(eax, __dword_ptr[rcx + 1]);
            a.@lock.cmpxchg(__dword_ptr[rcx + 1], edx);
        },
        ["add"] = a =>
        {
            a.mov(eax, edx);
            a.sub(eax, __dword_ptr[rcx + 1]);
            a.add(__dword_ptr[rcx + 1], eax);
        },
        ["movnti"] = a => a.movnti(__dword_ptr[rcx + 1], edx),
        ["movd"] = a =>
        {
            a.movd(xmm0, edx);
            a.movd(__dword_ptr[rcx + 1], xmm0);
        },
        ["movups"] = a =>
        {
            a.movups(xmm0, __xmmword_ptr[rcx + 1]);
            a.movd(xmm1, edx);
            a.movss(xmm0, xmm1);
            a.movups(__xmmword_ptr[rcx + 1], xmm0);
        },
        ["maskmovdqu"] = a =>
        {
            a.movd(xmm0, edx);
            a.pcmpeqd(xmm1, xmm1);
            a.psrldq(xmm1, 12);
            a.lea(rdi, __[rcx + 1]);
            a.maskmovdqu(xmm0, xmm1);
        },
        ["push"] = a => ByStack(a, () =>
        {
            a.lea(rsp, __[rcx + 9]);
            a.push(rax);
        }),
        ["enter"] = a => ByStack(a, () =>
        {
            a.mov(rdi, rbp);
            a.mov(rbp, rax);
            a.lea(rsp, __[rcx + 9]);
            a.enter(0, 0);
            a.mov(rbp, rdi);
        }),
        ["pop to memory"] = a => ByStack(a, () =>
        {
            a.push(rax);
            a.pop(__qword_ptr[rcx + 1]);
        }),
        ["stosd"] = a =>
        {
            a.mov(eax, edx);
            a.lea(rdi, __[rcx + 1]);
            a.stosd();
        },
        ["rep movsb"] = a =>
        {
            a.mov(__dword_ptr[Buffer], edx);
            a.mov(esi, Buffer);
            a.lea(rdi, __[rcx + 1]);
            a.push(rcx);
            a.mov(ecx, 4);
            a.rep.movsb();
            a.pop(rcx);
        },
        ["fistp"] = a =>
        {
            a.mov(__dword_ptr[Buffer], edx);
            a.fild(__dword_ptr[Buffer]);
            a.fistp(__dword_ptr[rcx + 1]);
        },
        ["bit by bit"] = a =>
        {
            Label next = a.CreateLabel();
            Label set = a.CreateLabel();
            Label done = a.CreateLabel();
            a.mov(eax, 31);
            a.Label(ref next);
            a.bt(edx, eax);
            a.jc(set);
            a.btr(__dword_ptr[rcx + 1], eax);
            a.jmp(done);
            a.Label(ref set);
            a.bts(__dword_ptr[rcx + 1], eax);
            a.Label(ref done);
            a.dec(eax);
            a.jns(next);
        },
    };

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => _all.Keys;

    /// <summary>Assembles one.</summary>
    public static void Write(Assembler a, string name) => _all[name](a);

    private static void FourBytes(Assembler a)
    {
        a.mov(eax, edx);
        for (int i = 0; i < 4; i++)
        {
            a.mov(__byte_ptr[rcx + (1 + i)], al);
            a.shr(eax, 8);
        }
    }

    // Eight bytes in RAX, of which the upper four are there already.
    private static void ByStack(Assembler a, Action write)
    {
        a.mov(r8, rsp);
        a.mov(eax, __dword_ptr[rcx + 5]);
        a.shl(rax, 32);
        a.mov(esi, edx);
        a.or(rax, rsi);
        write();
        a.mov(rsp, r8);
    }
}
